"""gdb, drgn, crash, makedumpfile and Volatility open our exports of a real Linux.

Each test asks the program what it sees in the guest. What the bytes of an export are belongs in
`tests/export`.
"""
