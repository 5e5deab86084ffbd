-- The state in which the receiver of OpenLineage events was last told of an
-- execution; empty while it was not.
ALTER TABLE executions ADD COLUMN told VARTEXT NOT NULL DEFAULT '';

-- Events that the receiver refused, with what it said. Only the last thousand or so
-- are kept.
CREATE TABLE refused_events (
    num          IDENTITY,
    execution_id BIGINT NOT NULL REFERENCES executions (id) ON DELETE CASCADE,
    event_type   VARTEXT NOT NULL,
    status       INTEGER NOT NULL,
    reason       VARTEXT NOT NULL,
    event        VARBYTES,
    refused_at   BIGINT NOT NULL
);
