"""Looks, every few seconds, whether the servers of parts of the API answer, and has APIServices say so."""

import asyncio
import logging

from fairlead.drivers.apiserver.review_servers import ReviewServers
from fairlead.drivers.apiserver.store.durable_state import DurableState
from fairlead.drivers.apiserver.store.errors import StoreError
from fairlead.drivers.clock_text import now_text
from fairlead.drivers.linux.rare_log import RareLog
from fairlead.registry.aggregation.availability import question, update_conditions
from fairlead.registry.aggregation.extensions import STORAGE, extensions
from fairlead.registry.environment import Environment
from fairlead.registry.kinds.apiextensions.custom_resource_definition import STORAGE as DEFINITIONS
from fairlead.registry.kinds.apiextensions.served import resource_table
from fairlead.registry.status import ApiError
from fairlead.registry.store import Step

SECONDS = 2.0
failures = RareLog(logging.getLogger(__name__))


async def look_after_extensions(state: DurableState, env: Environment, servers: ReviewServers) -> None:
    """Run until cancelled. A cluster without APIServices costs a look at an empty map."""
    while True:
        await asyncio.sleep(SECONDS)
        if not (services := state.head.of(STORAGE)):
            await servers.fetch_again(())
            continue
        found = extensions(services, resource_table(state.head.of(DEFINITIONS)))
        answers = await servers.fetch_again(map(question, found))
        now = env._replace(now=now_text(), answers=answers)
        try:
            await state.commit(update_conditions(Step(state.head), found, now))
        except (ApiError, StoreError) as error:  # one that has been deleted since, or a full disk
            failures.warning(str(error))
