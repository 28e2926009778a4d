"""`conure doctor`: what is wrong with this machine, its configuration and its network, and what helps.

`case.admit` gathers what is known beforehand, `examination.examine` asks the families of checks, each on a
thread of its own and all within a time limit, and `report` prints what they found. A module for each family:
`access`, `devices`, `network`, `service`, `host`; what they judge a microphone by is pure (`microphone`), and
`sound` has the sound check. Everything outside comes in through a `machine.Machine`, which tests replace.
"""
