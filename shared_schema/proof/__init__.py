# SPDX-License-Identifier: MIT
"""The proof of one subject's month: a file that anybody can check without asking anybody.

`pack` is its form, `signed` what is read of the lines that gateways signed, `check` the verdict,
`words` the verdict in sentences, `page` the same check for a browser. ``python -m
shared_schema.verify`` is the command.
"""
