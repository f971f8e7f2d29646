# SPDX-License-Identifier: MIT
"""Rules of a tower: what its bulk meter gave and none of the meters behind it counted."""
