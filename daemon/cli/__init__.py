"""The command line: arguments, output, exit codes. Each command imports what it needs, and no more.

Exit codes: 0 done, 1 failed, 2 wrong usage (argparse), 78 the configuration or a device's name cannot work
(EX_CONFIG; systemd does not try again), 130 and 143 interrupted (128 + SIGINT or SIGTERM, as shells have it).
"""
