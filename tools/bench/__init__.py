"""Speed and memory, as ratios to a peer that runs alternately with ours.

Each module measures one kind of work; `docs/performance.md` has the figures and limits. Tests are
not timed: measurements of time or memory belong here.
"""
