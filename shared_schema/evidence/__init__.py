# SPDX-License-Identifier: MIT
"""What each kind of flag rests on: one model a kind, published as a JSON Schema of its own."""

from shared_schema.events import EventKind
from shared_schema.evidence.base import Evidence, MeterEvidence
from shared_schema.evidence.electricity import (
    LoadJumpEvidence,
    NeutralEvidence,
    NoLoadEvidence,
    PhaseLossEvidence,
    ReverseEnergyEvidence,
)
from shared_schema.evidence.months import HeldChangeEvidence, ProlongedEstimateEvidence
from shared_schema.evidence.reading import (
    ContradictionEvidence,
    ExpiringCertificateEvidence,
    FailureCause,
    FalseAcknowledgementEvidence,
    ForeignMeter,
    MissingBatchesEvidence,
    NotBoundEvidence,
    ReadFailureEvidence,
    UnreadMeter,
)
from shared_schema.evidence.towers import (
    BypassEvidence,
    CrossedMetersEvidence,
    StoppedMeterEvidence,
    Suspect,
    TowerLossEvidence,
)
from shared_schema.evidence.water import (
    BurstEvidence,
    DryPipeEvidence,
    LeakEvidence,
    ReverseFlowEvidence,
    StuckRegisterEvidence,
    TamperEvidence,
    WaterLossEvidence,
)

__all__ = [
    "EVIDENCE",
    "BurstEvidence",
    "BypassEvidence",
    "ContradictionEvidence",
    "CrossedMetersEvidence",
    "DryPipeEvidence",
    "Evidence",
    "ExpiringCertificateEvidence",
    "FailureCause",
    "FalseAcknowledgementEvidence",
    "ForeignMeter",
    "HeldChangeEvidence",
    "LeakEvidence",
    "LoadJumpEvidence",
    "MeterEvidence",
    "MissingBatchesEvidence",
    "NeutralEvidence",
    "NoLoadEvidence",
    "NotBoundEvidence",
    "PhaseLossEvidence",
    "ProlongedEstimateEvidence",
    "ReadFailureEvidence",
    "ReverseEnergyEvidence",
    "ReverseFlowEvidence",
    "StoppedMeterEvidence",
    "StuckRegisterEvidence",
    "Suspect",
    "TamperEvidence",
    "TowerLossEvidence",
    "UnreadMeter",
    "WaterLossEvidence",
]

EVIDENCE: dict[EventKind, type[Evidence]] = {
    EventKind.LEAK: LeakEvidence,
    EventKind.BURST: BurstEvidence,
    EventKind.REVERSE_FLOW: ReverseFlowEvidence,
    EventKind.STUCK_REGISTER: StuckRegisterEvidence,
    EventKind.TAMPER: TamperEvidence,
    EventKind.DRY_PIPE: DryPipeEvidence,
    EventKind.NO_LOAD: NoLoadEvidence,
    EventKind.LOAD_JUMP: LoadJumpEvidence,
    EventKind.PHASE_LOSS: PhaseLossEvidence,
    EventKind.REVERSE_ENERGY: ReverseEnergyEvidence,
    EventKind.NEUTRAL: NeutralEvidence,
    EventKind.TOWER_LOSS: TowerLossEvidence,
    EventKind.STOPPED_METER: StoppedMeterEvidence,
    EventKind.BYPASS: BypassEvidence,
    EventKind.CROSSED_METERS: CrossedMetersEvidence,
    EventKind.READ_FAILURE: ReadFailureEvidence,
    EventKind.EVIDENCE: ContradictionEvidence,
    EventKind.MISSING_BATCHES: MissingBatchesEvidence,
    EventKind.FALSE_ACKNOWLEDGEMENT: FalseAcknowledgementEvidence,
    EventKind.NOT_BOUND: NotBoundEvidence,
    EventKind.EXPIRING_CERTIFICATE: ExpiringCertificateEvidence,
    EventKind.HELD_CHANGE: HeldChangeEvidence,
    EventKind.PROLONGED_ESTIMATE: ProlongedEstimateEvidence,
}
