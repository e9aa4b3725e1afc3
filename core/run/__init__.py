"""Without a server: ``python -m core.run spec.json`` trains what a settings file describes."""
