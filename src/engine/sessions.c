/*
 * Sessions: their opening, their settings, and the requests that concern nothing else. Their end is
 * in withdraw.c, because it may cancel orders.
 */
#include "engine/internal.h"

bool oc_engine__session_open(struct oc_engine *engine, const struct oc_command *command)
{
    uint32_t slot = oc_session_slot(command->session);
    struct oc_engine__session *session;
    struct oc_event *event;

    OC_ASSERT(slot < engine->config.limits.sessions_max);
    OC_ASSERT(command->session >> 32 != 0);
    session = &engine->sessions[slot];
    OC_ASSERT(session->id == 0);
    *session = (struct oc_engine__session){
        .id = command->session,
        .settings = OC_SETTINGS_AT_OPEN,
        .first_order = OC_INDEX_NONE,
        .user = OC_INDEX_NONE,
    };
    engine->session_count++;
    event = oc_engine__emit(engine, OC_EVENT_SESSION_OPENED, command->session, OC_INDEX_NONE);
    event->settings = session->settings;
    return true;
}

bool oc_engine__session_set(struct oc_engine *engine, const struct oc_command *command)
{
    const struct oc_command_settings *change = &command->settings;
    struct oc_engine__session *session = oc_engine__session_find(engine, command->session);

    OC_ASSERT(session != NULL);
    OC_ASSERT(change->given != 0);
    OC_ASSERT((change->values & ~change->given) == 0);
    session->settings = (session->settings & ~change->given) | change->values;
    oc_engine__reply(engine, command, OC_EVENT_SESSION, OC_INDEX_NONE)->settings =
        session->settings;
    return true;
}

bool oc_engine__ping(struct oc_engine *engine, const struct oc_command *command)
{
    oc_engine__reply(engine, command, OC_EVENT_PONG, OC_INDEX_NONE)->ping = command->ping.ping;
    return true;
}

/** Bytes that were no request wait here for their turn, so that replies keep the requests' order.
 */
bool oc_engine__refused(struct oc_engine *engine, const struct oc_command *command)
{
    const struct oc_command_refused *refused = &command->refused;
    struct oc_event *event = oc_engine__reject(engine, command, (enum oc_reason)refused->reason);

    OC_ASSERT(refused->reason < OC_REASON_COUNT);
    event->rejected.order_id = refused->order_id;
    event->rejected.client_order_id = refused->client_order_id;
    event->rejected.detail = refused->detail;
    event->rejected.request = refused->request;
    return true;
}
