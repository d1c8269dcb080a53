"""The message writer: a stored payload becomes the bytes of one mail. Pure: imports no Django.

`writer` is the entry point. The rest is one module per duty: header folding, encoded words, address
lists, MIME parameters, content transfer encodings.
"""
