"""Speed and memory, as ratios against a peer that runs in turn with ours.

Each module measures one kind of work; `docs/performance.md` has the figures and limits. Tests are
not timed: what takes long, or too much memory, belongs here.
"""
