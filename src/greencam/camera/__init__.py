"""The hardware side: one file per kind of camera behind one contract."""
