/*
 * Bytes to one session, and who has to go when they cannot be taken.
 *
 * A session may owe out_bytes_max; one that owes more reads too slowly and is disconnected, because
 * waiting for it would hold up the others. When the out-chunks of the thread run out, whoever owes
 * most goes.
 */
#include <errno.h>

#include "core/assert.h"
#include "gateway/internal.h"

/* What is handed to a connection: bytes to copy, or a part of a shared chunk. */
struct piece {
    const uint8_t *bytes; /* where chunk is OC_INDEX_NONE */
    uint32_t chunk;
    uint32_t offset;
    uint32_t size;
};

static void deliver(struct oc_gateway *gateway, struct oc_gateway__session *session,
                    const struct piece *piece);
static int hand_over(struct oc_gateway *gateway, const struct oc_gateway__session *session,
                     const struct piece *piece);
static void disconnect(struct oc_gateway *gateway, struct oc_gateway__session *session,
                       enum oc_gateway_notice notice);

void oc_gateway__deliver(struct oc_gateway *gateway, struct oc_gateway__session *session,
                         const uint8_t *bytes, uint32_t size)
{
    struct piece piece = {.bytes = bytes, .chunk = OC_INDEX_NONE, .size = size};
    deliver(gateway, session, &piece);
}

void oc_gateway__deliver_shared(struct oc_gateway *gateway, struct oc_gateway__session *session,
                                uint32_t chunk, uint32_t offset, uint32_t size)
{
    struct piece piece = {.chunk = chunk, .offset = offset, .size = size};
    deliver(gateway, session, &piece);
}

bool oc_gateway__free_chunks(struct oc_gateway *gateway)
{
    struct oc_conn conn;
    if (gateway->ops->owed_most(gateway->io, &conn) == 0) {
        return false;
    }
    OC_ASSERT(conn.index < gateway->config.sessions_max);
    if (gateway->sessions[conn.index].state == OC_SESSION_BROKEN) {
        /* It is closing by itself and only sending its last bytes: those go now. */
        (void)gateway->ops->close(gateway->io, conn, OC_IO_CLOSE_ABORT);
        return true;
    }
    disconnect(gateway, &gateway->sessions[conn.index], OC_GATEWAY_OUT_OF_CHUNKS);
    return true;
}

static void deliver(struct oc_gateway *gateway, struct oc_gateway__session *session,
                    const struct piece *piece)
{
    int rc;
    if (session->state == OC_SESSION_BROKEN) {
        return;
    }
    rc = hand_over(gateway, session, piece);
    if (rc == 0 || rc == -ENOTCONN) {
        return; /* taken, or its CLOSED is on the way */
    }
    /* What could never be sent (-EMSGSIZE) is no reason for another session to go. */
    if (rc == -EMSGSIZE || (uint64_t)gateway->ops->owed(gateway->io, session->conn) + piece->size >
                               gateway->config.out_bytes_max) {
        disconnect(gateway, session, OC_GATEWAY_SLOW_READER);
        return;
    }
    (void)oc_gateway__free_chunks(gateway);
    /* Chunks of a send in flight come back later: then this session has to go as well. */
    rc = hand_over(gateway, session, piece);
    if (rc != 0 && rc != -ENOTCONN) {
        disconnect(gateway, session, OC_GATEWAY_OUT_OF_CHUNKS);
    }
}

static int hand_over(struct oc_gateway *gateway, const struct oc_gateway__session *session,
                     const struct piece *piece)
{
    if (piece->chunk == OC_INDEX_NONE) {
        return gateway->ops->send(gateway->io, session->conn, piece->bytes, piece->size);
    }
    return gateway->ops->send_shared(gateway->io, session->conn, piece->chunk, piece->offset,
                                     piece->size);
}

/* CLOSED follows from the io table, and with it the SESSION_CLOSE command. */
static void disconnect(struct oc_gateway *gateway, struct oc_gateway__session *session,
                       enum oc_gateway_notice notice)
{
    if (notice == OC_GATEWAY_SLOW_READER) {
        gateway->stats.slow_readers++;
    } else {
        gateway->stats.out_of_chunks++;
    }
    gateway->config.hooks.notice(gateway->config.hooks.context, notice, OC_REASON_NONE,
                                 session->conn);
    (void)gateway->ops->close(gateway->io, session->conn, OC_IO_CLOSE_ABORT);
    session->state = OC_SESSION_BROKEN;
}
