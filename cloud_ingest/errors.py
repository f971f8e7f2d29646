# SPDX-License-Identifier: MIT
"""The errors of the cloud side, split by what the caller does next.

IngestError
├── StoreError
│   ├── StoreUnavailable  retry: no connection, starting up, shutting down, disk full, failover
│   │   └── StoreReadOnly    retry: a standby, or a primary that was told to take no changes
│   └── NotStorable       quarantine: the database refuses these values, and will again
├── LeadLost              wait: another worker leads, and acts for all
├── BrokerLost            retry with a new link: no connection, or no answer in time
└── UserError             stop, and show this one line to a person (exit 2)
    ├── ConfigurationError   to whoever set it up
    │   ├── SettingsRefused  settings that cannot be right, with every mistake
    │   ├── BrokerRefused    the broker answered and said no: user, password, access list
    │   ├── NotMigrated      the database holds no store, or an older one
    │   └── MigrationRefused the database cannot take this store as it is
    ├── NotFound          no society, unit or meter of that name
    ├── TextRefused       a remark or a label that cannot be kept: empty, too long, not seen
    ├── ImportRefused     a list with bad lines: nothing of it was taken
    │   └── PreviewOutdated  its difference is another than somebody saw
    ├── TakeBackRefused   an assignment that is named by too little
    ├── BindingRefused    a meter and a gateway that cannot be bound as it was said
    ├── SelfReadRefused   a dial value that cannot be right, or has no place to go
    ├── PhotoRefused      bytes that are no photo, or a damaged, moving or too large one
    ├── SubmissionRefused a self-read of which nothing waits, or that somebody decided before
    ├── LinkRefused       a link that is none, is over, or was tried too often
    ├── QuotaReached      more in a day than is taken: come again tomorrow
    ├── DialRefused       a dial that cannot be compared with its module
    ├── ReadingRefused    a reading that cannot be set aside, restored or entered as it was named
    ├── ProofRefused      a month of which there is nothing to prove
    ├── ArchiveRefused    a month of evidence that cannot be archived or restored now
    ├── ArchiveSpoilt     a file of evidence that is not what was written
    ├── ResendRefused     messages that billing asks for again and again
    ├── AcknowledgementRefused  numbers that billing says it has, and that were never decided
    ├── NumberRefused     a number of which nothing waits for a person's word
    ├── ApprovalRefused   a month that is not what was seen, not whole, or approved already
    ├── RecomputeRefused  days that cannot be made anew from their readings
    ├── RegistersRefused  a file of registers that cannot be read, or has too little to judge
    ├── ReadRefused       a stretch of time that is empty, no longer kept, or too long
    ├── TokenRefused      a token of the API that cannot be made
    ├── SignInRefused     a login with a wrong password, or of nobody
    ├── PersonRefused     a person who cannot be let in as it was said
    ├── SupplyRefused     hours of supply that are none, or of a tower or a day that cannot be
    ├── HandEntryRefused  what came in by hand that cannot be, or that was said already
    ├── EpochRefused      a rollover or reset that the register does not show
    └── CloseRefused      a month that cannot be closed now
        ├── EndsElsewhere    the month before was closed with another reading: that one first
        ├── RollupDisagrees  a rollup differs from its readings: no number leaves
        ├── NotConserved     a meter's stretches differ from what its register moved: the same
        └── ChargedTwice     a catch-up stands beside a number of a month that it covers: the same
"""

from collections.abc import Sequence


class IngestError(Exception):
    """Any error that the cloud side itself raises."""


class StoreError(IngestError):
    """The database failed or refused."""


class StoreUnavailable(StoreError):
    """The database cannot be reached or cannot write now: try again."""


class StoreReadOnly(StoreUnavailable):
    """The database takes no changes."""


class NotStorable(StoreError):
    """The database refuses these values: trying again changes nothing."""


class LeadLost(IngestError):
    """Another worker leads: what this one began for all was rolled back, or was not begun."""


class BrokerLost(IngestError):
    """The link to the broker has ended, or there was none: make a new one."""


class UserError(IngestError):
    """A person has to change something; the text is one line that says what."""


class ConfigurationError(UserError):
    """A setting or a server cannot work as it is; the text is one line for a person."""


class SettingsRefused(ConfigurationError):
    """Settings that cannot be right: every mistake is a line, unless the text has the only one."""

    def __init__(self, message: str, lines: Sequence[str]) -> None:
        super().__init__(message)
        self.lines = tuple(lines)


class BrokerRefused(ConfigurationError):
    """The broker answered and said no."""


class NotMigrated(ConfigurationError):
    """The database holds no store of this program, or one of another version."""


class MigrationRefused(ConfigurationError):
    """The database cannot take this store as it is, or holds one that differs."""


class NotFound(UserError):
    """Nothing of that name is known."""


class TextRefused(UserError):
    """A text that a person typed cannot be kept as it is."""


class ImportRefused(UserError):
    """A list has bad lines, and nothing of it was taken."""

    def __init__(self, message: str, lines: Sequence[str]) -> None:
        super().__init__(message)
        self.lines = tuple(lines)
        """One text for each bad line, with its number."""


class PreviewOutdated(ImportRefused):
    """The difference that somebody saw is no longer the one that would be applied.

    Its lines say what was entered meanwhile.
    """


class TakeBackRefused(UserError):
    """Several assignments are meant, or nobody says who takes one back and why."""


class BindingRefused(UserError):
    """A gateway cannot be bound to a meter as it was said."""


class SheetRefused(UserError):
    """A commissioning sheet cannot be read, or cannot be taken as it is."""


class SealsRefused(UserError):
    """Seals cannot be recorded as they were said."""


class SelfReadRefused(UserError):
    """A dial value cannot be taken."""


class PhotoRefused(UserError):
    """Bytes are no photo of a dial, or one that cannot be kept."""


class SubmissionRefused(UserError):
    """Nothing of a self-read waits for a decision, or it says something else than before."""


class LinkRefused(UserError):
    """A resident's link is none, is over, or was tried too often."""


class QuotaReached(UserError):
    """More came within a day than is taken."""


class DialRefused(UserError):
    """What a dial shows cannot be compared with its module."""


class ReadingRefused(UserError):
    """A reading cannot be set aside, restored or entered as it was named."""


class NumberRefused(UserError):
    """Nothing of a number waits for a person's word, or it is not what that person saw."""


class ProofRefused(UserError):
    """There is no number to prove: the month is open, or says nothing of the subject."""


class ArchiveRefused(UserError):
    """A month of evidence cannot be archived or restored now."""


class ArchiveSpoilt(UserError):
    """A file of evidence is not what was written."""


class ResendRefused(UserError):
    """Billing asks too often to be sent something again."""


class ApprovalRefused(UserError):
    """A month cannot be approved, or opened again, as it was said."""


class AcknowledgementRefused(UserError):
    """Billing acknowledges what was never decided."""


class RecomputeRefused(UserError):
    """Days cannot be made anew: their readings have not come, or are no longer kept."""


class ReadRefused(UserError):
    """A question about a stretch of time that is empty, no longer kept, or too long."""


class RegistersRefused(UserError):
    """A file of registers cannot be read, or holds too little for what is asked."""


class EpochRefused(UserError):
    """A rollover or reset that the register does not show."""


class TokenRefused(UserError):
    """A token of the API that cannot be made as it was said."""


class SignInRefused(UserError):
    """Nobody signs in like that."""


class IssuerUnavailable(IngestError):
    """An issuer that signs people in does not answer, or not as one does: try again."""


class PersonRefused(UserError):
    """A person who cannot be let in as it was said."""


class SupplyRefused(UserError):
    """Hours with supply that are none, or of a tower or a day that cannot be."""


class HandEntryRefused(UserError):
    """What came in by hand that cannot be, or that was said already."""


class CloseRefused(UserError):
    """A month cannot be closed now."""


class EndsElsewhere(CloseRefused):
    """The month before was closed with a reading that is another one now.

    Args:
        before: The month before, as ``YYYY-MM``.
        told: What happened, to what, and what to do.
    """

    def __init__(self, before: str, told: str) -> None:
        super().__init__(told)
        self.before = before


class RollupDisagrees(CloseRefused):
    """A rollup differs from what its readings say."""


class NotConserved(CloseRefused):
    """What a meter counted for its subjects and for nobody is not what its register moved."""


class ChargedTwice(CloseRefused):
    """A number over several months would stand beside one of a month that it covers."""
