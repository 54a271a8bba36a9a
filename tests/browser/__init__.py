"""Pages as people see them: a real browser opens each at two widths, light and dark, without any network."""
