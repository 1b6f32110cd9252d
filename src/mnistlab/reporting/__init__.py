"""Results in plain dataclasses → tables for a terminal, figures, one HTML page.

Of a run, in this order: `style` (colours, sizes, PNG), `figures`, `tables`, `report`. Of a study:
`charts` (axes, layouts, SVG), `study_rows`, `study_figures`, `study_tables`, `study_report`. `page`
is of both.

Importing this package loads none of them, so that Matplotlib is paid for only where something is
drawn.
"""
