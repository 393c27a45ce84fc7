"""What every static view is made of: numbers, charts as SVG, tables, templates."""
