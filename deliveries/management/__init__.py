"""Management: the operators' commands: arguments in, one call, text or JSON out."""
