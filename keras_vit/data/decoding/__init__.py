"""Decodes images: from JPEG, PNG and other formats to pixels."""
