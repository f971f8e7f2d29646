# SPDX-License-Identifier: GPL-2.0-only
"""COSEM objects as a meter shows them (IEC 62056-6-2), and the logical device that holds them.

In: the attribute that a client names. Out: its encoded data, or the reason why not.
Owns the list of objects. Never knows where a value comes from: a function gives it.
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import NamedTuple, Protocol

from edge_agent.virtual import axdr
from edge_agent.virtual.acse import Mechanism
from edge_agent.virtual.axdr import Data
from edge_agent.virtual.cosem import AccessError, AccessResult, Attribute, Selection
from edge_agent.virtual.device import PUBLIC_CLIENT, READER_CLIENT, UTILITY_CLIENT, Access
from edge_agent.virtual.habits import Habits
from edge_agent.virtual.odd_values import as_sent
from edge_agent.virtual.security import Vault
from shared_schema.catalogue import ASSOCIATION, DEVICE_NAME, SAP_ASSIGNMENT, Unit
from shared_schema.obis import Obis


class Asking(NamedTuple):
    """Who reads, and when."""

    client: int
    now: datetime
    """The true time, aware."""


_BY_THE_BOOK = Habits()
Reader = Callable[[Asking], bytes]
Change = Callable[[Data | None, datetime], None]
"""Takes a new value, or the parameter of a method, at a true time; raises `AccessError`."""


class CosemObject(Protocol):
    """One object: its identity, its attributes, and whether the public client sees it."""

    @property
    def class_id(self) -> int:
        """The interface class."""

    @property
    def version(self) -> int:
        """The version of the interface class."""

    @property
    def name(self) -> Obis:
        """The logical name."""

    @property
    def attributes(self) -> int:
        """How many attributes the class has."""

    @property
    def selectors(self) -> Mapping[int, tuple[int, ...]]:
        """The access selectors of each attribute that has some."""

    @property
    def public(self) -> bool:
        """Whether the public client may read it."""

    def read(self, attribute: int, selection: Selection | None, asking: Asking) -> bytes:
        """Return the encoded data of attribute 2 or higher.

        Raises:
            AccessError: it is not given.
        """


class PlainObject:
    """An object whose attributes are given by functions."""

    def __init__(
        self,
        class_id: int,
        name: Obis,
        readers: Mapping[int, Reader],
        *,
        attributes: int,
        version: int = 0,
        public: bool = False,
        writers: Mapping[int, Change] | None = None,
        methods: Mapping[int, Change] | None = None,
    ) -> None:
        """Set up an object.

        Args:
            class_id: The interface class.
            name: The logical name.
            readers: A function for each readable attribute from 2 on.
            attributes: How many attributes the class has.
            version: The version of the class.
            public: Whether the public client may read it.
            writers: A function for each attribute that the utility may set.
            methods: A function for each method that the utility may call.
        """
        self.writers = dict(writers or {})
        self.methods = dict(methods or {})
        self.class_id = class_id
        self.version = version
        self.name = name
        self.attributes = attributes
        self.selectors: Mapping[int, tuple[int, ...]] = {}
        self.public = public
        self._readers = dict(readers)

    def read(self, attribute: int, selection: Selection | None, asking: Asking) -> bytes:
        """Return what the attribute's function gives; no such object knows a selection.

        Raises:
            AccessError: there is no such attribute, or a selection was asked for.
        """
        reader = self._readers.get(attribute)
        if reader is None:
            raise AccessError(AccessResult.READ_WRITE_DENIED)
        if selection is not None:
            raise AccessError(AccessResult.SCOPE_OF_ACCESS_VIOLATED)
        return reader(asking)


def constant(encoded: bytes) -> Reader:
    """Return a function that always gives the same data."""
    return lambda _asking: encoded


def scaler_unit(scaler: int, unit: Unit) -> bytes:
    """Encode a scaler_unit: 10^scaler and the number of the unit."""
    return axdr.structure(axdr.integer(scaler), axdr.enum(unit))


def data_object(name: Obis, value: Reader, *, public: bool = False) -> PlainObject:
    """Return a Data object, class 1."""
    return PlainObject(1, name, {2: value}, attributes=2, public=public)


def register_object(name: Obis, value: Reader, scaler: int, unit: Unit) -> PlainObject:
    """Return a Register, class 3."""
    readers = {2: value, 3: constant(scaler_unit(scaler, unit))}
    return PlainObject(3, name, readers, attributes=3)


def extended_register(
    name: Obis, value: Reader, scaler: int, unit: Unit, captured: Reader
) -> PlainObject:
    """Return an Extended register, class 4: a value and the time when it was reached."""
    readers = {
        2: value,
        3: constant(scaler_unit(scaler, unit)),
        4: constant(axdr.null()),
        5: captured,
    }
    return PlainObject(4, name, readers, attributes=5)


def counter_objects(vault: Vault) -> list[PlainObject]:
    """Return the last counter taken from each client, which everyone may read."""

    def reader(client: int) -> Reader:
        return lambda _asking: axdr.double_long_unsigned(vault.taken.get(client, 0))

    return [
        data_object(Obis(0, 0, 43, 1, e, 255), reader(client), public=True)
        for e, client in ((2, READER_CLIENT), (3, UTILITY_CLIENT))
    ]


def _device_name(title: str) -> PlainObject:
    name = constant(axdr.octet_string(title.encode("ascii")))
    return data_object(DEVICE_NAME, name, public=True)


def _sap_assignment(title: str) -> PlainObject:
    """Return the list of logical devices, class 17: there is one."""
    device = axdr.structure(axdr.long_unsigned(1), axdr.octet_string(title.encode("ascii")))
    devices = constant(axdr.array([device]))
    return PlainObject(17, SAP_ASSIGNMENT, {2: devices}, attributes=2, public=True)


class LogicalDevice:
    """The objects of one meter under its password: a `Device` for a `Server`."""

    def __init__(
        self,
        objects: Iterable[CosemObject],
        *,
        title: str,
        password: bytes,
        max_pdu: int,
        clients: Mapping[int, Access],
        vault: Vault | None,
        faults: Callable[[Attribute, datetime], AccessResult | None],
        habits: Habits = _BY_THE_BOOK,
    ) -> None:
        """Set up the device and the objects that describe it.

        Args:
            objects: What the meter measures and is.
            title: Logical device name: three letters of the maker, then the serial number.
            password: Secret of low level security.
            max_pdu: Longest APDU, bytes.
            clients: Who may associate, and how.
            vault: The keys, where the meter has some.
            faults: Says which existing attribute fails at a time, and how.
            habits: What it does differently from the book.
        """
        self.password = password
        self.max_pdu = max_pdu
        self.clients = clients
        self.vault = vault
        self._faults = faults
        self.habits = habits
        own = (self._association(), _device_name(title), _sap_assignment(title))
        found = [*own, *objects]
        self._objects = {(each.class_id, bytes(each.name)): each for each in found}
        self._names = {bytes(each.name) for each in found}

    def read(self, attribute: Attribute, client: int, now: datetime) -> bytes:
        """Return the encoded data of one attribute.

        Raises:
            AccessError: it is not given.
        """
        found = self._objects.get((attribute.class_id, attribute.name))
        if found is None:
            known = attribute.name in self._names
            raise AccessError(
                AccessResult.CLASS_INCONSISTENT if known else AccessResult.OBJECT_UNDEFINED
            )
        if client == PUBLIC_CLIENT and not found.public:
            raise AccessError(AccessResult.SCOPE_OF_ACCESS_VIOLATED)
        fault = self._faults(attribute, now)
        if fault is not None:
            raise AccessError(fault)
        if attribute.attribute == 1:
            return axdr.octet_string(attribute.name)
        data = found.read(attribute.attribute, attribute.selection, Asking(client, now))
        return as_sent(self.habits, attribute, data)

    def write(self, attribute: Attribute, value: Data, now: datetime) -> None:
        """Set one attribute.

        Raises:
            AccessError: it is not taken.
        """
        found = self._changed(attribute, now)
        _change(found.writers if found else {}, attribute)(value, now)

    def act(self, method: Attribute, value: Data | None, now: datetime) -> None:
        """Call one method.

        Raises:
            AccessError: it is not done.
        """
        found = self._changed(method, now)
        _change(found.methods if found else {}, method)(value, now)

    def _changed(self, attribute: Attribute, now: datetime) -> PlainObject | None:
        found = self._objects.get((attribute.class_id, attribute.name))
        if found is None:
            raise AccessError(AccessResult.OBJECT_UNDEFINED)
        fault = self._faults(attribute, now)
        if fault is not None:
            raise AccessError(fault)
        return found if isinstance(found, PlainObject) else None

    def _association(self) -> PlainObject:
        """Return the association that the client is in (class 15, version 1)."""

        def access(asking: Asking) -> Access:
            return self.clients.get(asking.client, Access(Mechanism.NONE, ciphered=False))

        def context(asking: Asking) -> bytes:
            arc = b"\x03" if access(asking).ciphered else b"\x01"
            return axdr.octet_string(bytes.fromhex("608574050801") + arc)

        def partners(asking: Asking) -> bytes:
            return axdr.structure(axdr.integer(asking.client), axdr.long_unsigned(1))

        def mechanism(asking: Asking) -> bytes:
            arc = bytes((access(asking).mechanism,))
            return axdr.octet_string(bytes.fromhex("608574050802") + arc)

        readers: dict[int, Reader] = {
            2: self._object_list,
            3: partners,
            4: context,
            6: mechanism,
            8: constant(axdr.enum(2)),
        }
        return PlainObject(15, ASSOCIATION, readers, attributes=9, version=1, public=True)

    def _object_list(self, asking: Asking) -> bytes:
        return axdr.array(
            _list_element(each, asking.client)
            for each in self._objects.values()
            if each.public or asking.client != PUBLIC_CLIENT
        )


def _change(changes: Mapping[int, Change], named: Attribute) -> Change:
    change = changes.get(named.attribute)
    if change is None:
        raise AccessError(AccessResult.READ_WRITE_DENIED)
    return change


def _list_element(found: CosemObject, client: int) -> bytes:
    """Encode one object_list_element; what may be changed is changed by the utility alone."""
    attributes = []
    changing = found if isinstance(found, PlainObject) and client == UTILITY_CLIENT else None
    for number in range(1, found.attributes + 1):
        selectors = found.selectors.get(number)
        attributes.append(
            axdr.structure(
                axdr.integer(number),
                axdr.enum(3 if changing and number in changing.writers else 1),
                axdr.array(map(axdr.integer, selectors)) if selectors else axdr.null(),
            )
        )
    methods = [
        axdr.structure(axdr.integer(number), axdr.enum(1))
        for number in (changing.methods if changing else ())
    ]
    rights = axdr.structure(axdr.array(attributes), axdr.array(methods))
    return axdr.structure(
        axdr.long_unsigned(found.class_id),
        axdr.unsigned(found.version),
        axdr.octet_string(bytes(found.name)),
        rights,
    )
