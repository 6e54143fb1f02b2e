"""`python -m finjax.live`: decodes a stream, shows it, and passes the decisions on."""
