CREATE TABLE artifacts (
    id         IDENTITY,
    uid        VARTEXT NOT NULL UNIQUE,
    namespace  VARTEXT NOT NULL,
    name       VARTEXT NOT NULL,
    type       VARTEXT NOT NULL,
    uri        VARTEXT NOT NULL,
    metadata   VARBYTES,
    digest     VARTEXT NOT NULL,
    context    VARTEXT NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE INDEX artifacts_created ON artifacts (created_at, uid);
CREATE INDEX artifacts_namespace ON artifacts (namespace, created_at, uid);
CREATE INDEX artifacts_context ON artifacts (context, created_at, uid);

CREATE TABLE executions (
    id                IDENTITY,
    uid               VARTEXT NOT NULL UNIQUE,
    namespace         VARTEXT NOT NULL,
    name              VARTEXT NOT NULL,
    type              VARTEXT NOT NULL,
    state             VARTEXT NOT NULL,
    context           VARTEXT NOT NULL,
    input_parameters  VARBYTES,
    output_parameters VARBYTES,
    started_at        BIGINT NOT NULL,
    finished_at       BIGINT NOT NULL,
    created_at        BIGINT NOT NULL
);
CREATE INDEX executions_created ON executions (created_at, uid);
CREATE INDEX executions_namespace ON executions (namespace, created_at, uid);
CREATE INDEX executions_context ON executions (context, created_at, uid);

CREATE TABLE events (
    execution_id BIGINT NOT NULL REFERENCES executions (id) ON DELETE CASCADE,
    type         INTEGER NOT NULL,
    key          VARTEXT NOT NULL,
    position     INTEGER NOT NULL,
    artifact_id  BIGINT NOT NULL REFERENCES artifacts (id) ON DELETE CASCADE,
    PRIMARY KEY (execution_id, type, key, position)
);
CREATE INDEX events_artifact ON events (artifact_id, type, execution_id);

CREATE TABLE records (
    kind          VARTEXT NOT NULL,
    uid           VARTEXT NOT NULL,
    namespace     VARTEXT NOT NULL,
    name          VARTEXT NOT NULL,
    display_name  VARTEXT NOT NULL,
    description   VARTEXT NOT NULL,
    state         VARTEXT NOT NULL,
    storage_state VARTEXT NOT NULL,
    parent        VARTEXT NOT NULL,
    origin        VARTEXT NOT NULL,
    created_at    BIGINT NOT NULL,
    scheduled_at  BIGINT NOT NULL,
    finished_at   BIGINT NOT NULL,
    PRIMARY KEY (kind, uid)
);
CREATE INDEX records_created ON records (kind, created_at, uid);
CREATE INDEX records_finished ON records (kind, finished_at, uid);
CREATE INDEX records_display_name ON records (kind, display_name, uid);
-- Searches in a namespace or an experiment look at many rows and keep few, so
-- what they look at is in the index. Both are of one width: SQLite, which counts
-- columns, then takes the later one, the narrower in practice.
CREATE INDEX records_namespace ON records (kind, namespace, created_at, uid, parent, storage_state, state, display_name);
CREATE INDEX records_parent ON records (kind, parent, created_at, uid, namespace, storage_state, state, display_name);
CREATE INDEX records_origin ON records (kind, origin, created_at, uid);
CREATE INDEX records_state ON records (kind, state, created_at, uid);

CREATE TABLE record_summaries (
    kind    VARTEXT NOT NULL,
    uid     VARTEXT NOT NULL,
    summary VARBYTES,
    PRIMARY KEY (kind, uid)
);

CREATE TABLE record_details (
    kind   VARTEXT NOT NULL,
    uid    VARTEXT NOT NULL,
    detail VARBYTES,
    PRIMARY KEY (kind, uid)
);

CREATE TABLE record_counts (
    kind          VARTEXT NOT NULL,
    namespace     VARTEXT NOT NULL,
    parent        VARTEXT NOT NULL,
    origin        VARTEXT NOT NULL,
    state         VARTEXT NOT NULL,
    storage_state VARTEXT NOT NULL,
    n             BIGINT NOT NULL,
    PRIMARY KEY (kind, namespace, parent, origin, state, storage_state)
);
