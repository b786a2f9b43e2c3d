"""Archives of dated text files, for data servers that read them."""
