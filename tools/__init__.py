"""What keeps the documents true: generated pages, links, and the README's commands."""
