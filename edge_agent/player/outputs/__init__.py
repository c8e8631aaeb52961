"""Where rendered blocks go: a sound device, a capture file, or nowhere; all ask the mixer the same way."""
