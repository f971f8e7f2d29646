# SPDX-License-Identifier: MIT
"""What the commands that serve pages have in common.

In: the shared resources. Out: an application; or pages beside the work of a block.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from cloud_ingest.api.app import make_app
from cloud_ingest.cli.options import dsn_of
from cloud_ingest.http.beside import served_beside
from cloud_ingest.http.listen import Application
from cloud_ingest.http.one_address import at_one_address
from cloud_ingest.http.resources import Resources
from cloud_ingest.settings import CloudSettings
from cloud_ingest.web.app import make_web


def make_pages(resources: Resources) -> Application:
    """Make the pages, with the API at the same address where the settings say so."""
    pages = make_web(resources)
    if not resources.settings.web_with_api:
        return pages
    return at_one_address(make_app(resources), pages)


@contextmanager
def pages_beside(settings: CloudSettings, address: str) -> Iterator[None]:
    """Serve the pages for the time of the block, on a thread of their own.

    Raises:
        ConfigurationError: nobody can listen at the address.
    """
    resources = Resources.at(settings, dsn_of(settings))
    with served_beside(make_pages(resources), resources, address):
        yield
