/*
 * Requests of one session in a second.
 *
 * A request uses up 1/N of a second; a session may be ahead of the clock by one second in all,
 * which is a burst of N. Cancels and mass cancels are always taken and use up nothing: who sends
 * too much must still be able to get out. Pings, questions and what is no request count like
 * orders, because they cost as much.
 */
#include "core/assert.h"
#include "gateway/internal.h"

#define SECOND_NS 1000000000U

static void refuse(struct oc_command *command);

uint64_t oc_gateway__rate(const struct oc_gateway *gateway,
                          const struct oc_gateway__session *session, struct oc_command *command)
{
    const uint64_t now_ns = gateway->now_ns;
    uint64_t rate_ns = session->rate_ns > now_ns ? session->rate_ns : now_ns;
    OC_ASSERT(gateway->request_ns != 0);
    if (command->kind == OC_COMMAND_CANCEL || command->kind == OC_COMMAND_MASS_CANCEL) {
        return session->rate_ns;
    }
    rate_ns += gateway->request_ns;
    if (rate_ns > now_ns + SECOND_NS) {
        refuse(command);
        return session->rate_ns;
    }
    return rate_ns;
}

/* The reject of a request tells what could be told of it. */
static void refuse(struct oc_command *command)
{
    struct oc_command_refused refused = {.request = command->kind};
    switch ((enum oc_command_kind)command->kind) {
    case OC_COMMAND_NEW:
        refused.client_order_id = command->new_order.client_order_id;
        break;
    case OC_COMMAND_REPLACE:
        refused.order_id = command->replace.order_id;
        break;
    case OC_COMMAND_PING:
        refused.request = OC_COMMAND_SESSION_SET; /* as the codec tells it */
        break;
    case OC_COMMAND_REFUSED:
        refused = command->refused;
        refused.detail = (struct oc_detail){0};
        break;
    case OC_COMMAND_OPEN_ORDERS:
    case OC_COMMAND_BOOK:
    case OC_COMMAND_SESSION_SET:
        break;
    case OC_COMMAND_NONE:
    case OC_COMMAND_INSTRUMENT:
    case OC_COMMAND_SESSION_OPEN:
    case OC_COMMAND_SESSION_CLOSE:
    case OC_COMMAND_CANCEL:
    case OC_COMMAND_MASS_CANCEL:
    case OC_COMMAND_KIND_COUNT:
    default:
        OC_UNREACHABLE();
    }
    refused.reason = OC_REASON_TOO_MANY_REQUESTS;
    command->kind = OC_COMMAND_REFUSED;
    command->refused = refused;
}
