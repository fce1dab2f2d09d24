"""Speed and memory, always as ratios against a peer that runs in turn with ours."""
