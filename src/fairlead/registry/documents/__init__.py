"""Documents: bodies that come in, views that go out, patches and field owners."""
