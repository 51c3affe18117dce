"""What the studio keeps for itself: settings, drafts, the audit trail."""

from __future__ import annotations

import sqlite3
import stat

from studio.services.settings import load_settings
from studio.services.studio_db import Entry, StudioDb


def test_settings_are_read_and_mistakes_told(tmp_path):
    """A wrong setting is left out and named; the others hold."""
    file = tmp_path / "studio.toml"
    assert load_settings(file).problems == ()
    file.write_text('theme = "pink"\nsecrets = ["pin", 5]\nat_once = 0\ncolour = 1\n[keymap]\n"go.runs" = "ctrl+r"\n"go.help" = 5\n')
    found = load_settings(file)
    assert (found.theme, found.secrets, found.at_once, found.keymap) == (None, ("pin",), 8, {"go.runs": "ctrl+r"})
    assert len(found.problems) == 5
    file.write_text("= nonsense")
    assert load_settings(file).problems


def test_drafts_and_acts_come_back(tmp_path):
    """Another session finds what was typed, and what was done; nobody else can read it."""
    path = tmp_path / "stores" / "x" / "studio.db"
    first = StudioDb(path)
    assert first.draft("launch", "g") == {}
    first.keep_draft("launch", "g", {"x": "1"})
    entry = Entry(1.0, "me@here/tty", "launch", "g-1", "started", "runner.run(g)")
    first.record(entry, {"graph": "g"})
    first.close()
    second = StudioDb(path)
    assert second.draft("launch", "g") == {"x": "1"}
    assert second.acts() == [entry]
    assert second.session == []
    second.keep_draft("launch", "g", {})
    assert second.draft("launch", "g") == {}
    second.close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_read_only_studio_keeps_no_drafts(tmp_path):
    """Looking writes nothing; what was refused is written down."""
    notes = StudioDb(tmp_path / "studio.db", read_only=True)
    notes.keep_draft("launch", "g", {"x": "1"})
    assert not (tmp_path / "studio.db").exists()
    notes.record(Entry(1.0, "me", "launch", "g-1", "refused", ""))
    assert (tmp_path / "studio.db").exists()
    notes.close()


def test_a_damaged_file_costs_drafts_only(tmp_path):
    """Whatever is wrong with the studio's own file, the session goes on."""
    path = tmp_path / "studio.db"
    path.write_bytes(b"nonsense" * 1000)
    notes = StudioDb(path)
    notes.keep_draft("launch", "g", {"x": "1"})
    notes.record(Entry(1.0, "me", "launch", "g-1", "started", ""))
    assert notes.draft("launch", "g") == {}
    assert [entry.object for entry in notes.acts()] == ["g-1"]
    notes.close()


def test_marks_of_lost_runs(tmp_path):
    """A run that is given up is hidden here, and nowhere else."""
    notes = StudioDb(tmp_path / "studio.db")
    notes.mark_lost("g-1", "me")
    assert notes.lost() == {"g-1"}
    notes.close()
    with sqlite3.connect(tmp_path / "studio.db") as db:
        assert db.execute("SELECT count(*) FROM lost").fetchone() == (1,)
    db.close()
