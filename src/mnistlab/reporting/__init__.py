"""Results in plain dataclasses → tables for a terminal, figures, one HTML page.

Read in this order: `style` (colours, sizes, PNG), `figures`, `tables`, `report`. Importing this
package loads none of them, so that Matplotlib is paid for only where something is drawn.
"""
