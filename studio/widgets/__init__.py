"""What the screens are made of; a widget knows its own data and no other widget."""
