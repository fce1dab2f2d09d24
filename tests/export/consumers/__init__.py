"""gdb, drgn, crash, makedumpfile and Volatility open our exports of a real Linux.

Each test asks the program about the guest. Tests of the bytes of an export belong in
`tests/export`.
"""
