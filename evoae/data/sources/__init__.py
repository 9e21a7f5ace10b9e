"""Where data are read from: files, folders, named sets."""
