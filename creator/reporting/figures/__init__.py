"""Figures of a run as SVG: drawn here, without a script, from records alone.

Each module gives one `Figure`, or None when there is nothing to draw. A page that shows one needs the style sheet of
`creator.reporting.figures.drawing.style` once; the colours are the page's own.
"""
