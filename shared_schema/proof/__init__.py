# SPDX-License-Identifier: MIT
"""The proof of one subject's month: a file that anybody can check without asking anybody.

`pack` is its form, `signed` what is read of lines that gateways signed. `check` looks, `verdict`
is what it found, and `words` says that in sentences; `page` makes the same check for a browser.
``python -m shared_schema.verify`` is the command.
"""
