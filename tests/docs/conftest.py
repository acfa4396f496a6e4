from collections.abc import Iterator

import pytest

from tests.docs.site import Site


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with Site(tmp_path_factory.mktemp("docs")) as running:
        yield running
