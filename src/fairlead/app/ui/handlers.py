"""Views as handlers: computed beside the event loop, with a message where a request makes no sense."""

import asyncio
from http import HTTPStatus

from fairlead.app.ui.pictures import language_of
from fairlead.app.ui.views import View
from fairlead.app.ui.world import NotRead, World
from fairlead.drivers.ui.exchange import Handler, PageReply, PageRequest, json_reply, problem
from fairlead.explain.languages import message_in
from fairlead.explain.subjects import NoSuchObject, SubjectError
from fairlead.netfilter.dump.nft_json import NotRules


def handler_of(world: World, view: View) -> Handler:
    """A view as a handler."""

    async def handle(request: PageRequest) -> PageReply:
        language = language_of({**request.query, **(request.body or {})})
        try:
            cluster = await world.now()
            found = await asyncio.to_thread(view, cluster, request, world.options)
            return found if isinstance(found, PageReply) else json_reply(found)
        except NotRead as error:
            return problem(HTTPStatus.SERVICE_UNAVAILABLE, str(error))
        except NoSuchObject as error:
            return problem(HTTPStatus.NOT_FOUND, message_in(language, error))
        except (SubjectError, NotRules) as error:
            return problem(HTTPStatus.BAD_REQUEST, message_in(language, error))

    return handle
