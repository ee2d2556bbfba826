"""The layout of a study's trial table: one SQLite file, version 2."""

from __future__ import annotations

VERSION = 2

TABLES = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE trials (
    id INTEGER PRIMARY KEY,      -- order in which the strategy was asked
    batch INTEGER NOT NULL,      -- trials of one ask share it
    told INTEGER NOT NULL,       -- trials that the strategy had been told when it was asked
    digest TEXT NOT NULL,        -- of the design
    design TEXT NOT NULL,        -- JSON, plain values
    seed INTEGER NOT NULL,
    fidelity REAL NOT NULL DEFAULT 1.0,  -- share of the full effort
    state TEXT NOT NULL,         -- running, done, failed, crashed, timed_out, duplicate
    attempt INTEGER NOT NULL DEFAULT 0,
    finished INTEGER,            -- order in which it ended
    finished_at REAL,            -- Unix time
    seconds REAL,                -- mean wall time per design of its chunk
    worker TEXT,
    violation REAL,              -- 0 is feasible
    vals TEXT,                   -- JSON, metric to value
    std TEXT,                    -- JSON, metric to standard deviation
    count TEXT,                  -- JSON, metric to repeats
    error TEXT
);
CREATE UNIQUE INDEX one_trial_per_design ON trials (digest, fidelity) WHERE state != 'duplicate';
CREATE TABLE history (
    n INTEGER PRIMARY KEY,       -- finished trials
    hypervolume REAL NOT NULL,
    front_size INTEGER NOT NULL,
    n_feasible INTEGER NOT NULL,
    n_failed INTEGER NOT NULL,
    n_duplicate INTEGER NOT NULL,
    best TEXT NOT NULL,          -- JSON, objective to best feasible value
    ask_ms REAL NOT NULL,        -- mean time of the strategy per design, this session
    at REAL NOT NULL,            -- Unix time
    spent REAL NOT NULL          -- full evaluations that the finished trials are worth
);
CREATE TABLE held_out (
    id INTEGER PRIMARY KEY REFERENCES trials (id),
    vals TEXT NOT NULL           -- JSON, metric to value; scored once, on the final front
);
"""

FACT = "INSERT OR REPLACE INTO meta VALUES (?, ?)"
POINT = "INSERT OR REPLACE INTO history VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
BEGIN = "INSERT INTO trials (id, batch, told, digest, design, seed, fidelity, state) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
FINISH = """
UPDATE trials SET state = ?, finished = ?, finished_at = ?, seconds = ?, worker = ?, violation = ?,
vals = ?, std = ?, count = ?, error = ? WHERE id = ?
"""
REPEAT = """
INSERT INTO trials SELECT ?, ?, ?, digest, design, seed, fidelity, 'duplicate', 0, ?, ?, 0.0, worker, violation,
vals, std, count, NULL FROM trials WHERE id = ?
"""
HELD_OUT = """
INSERT INTO held_out VALUES (?, ?) ON CONFLICT (id) DO UPDATE SET vals = json_patch(vals, excluded.vals)
"""
