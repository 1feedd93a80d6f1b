"""Adapters: one module per outside thing; each fills a port of `eomap.core.ports` and decides nothing."""
