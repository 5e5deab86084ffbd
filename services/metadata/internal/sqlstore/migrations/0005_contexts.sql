-- What executions and artifacts belong to. Properties are encoded, both kinds of
-- them together; revision is that of the newest event that was taken in.
CREATE TABLE contexts (
    id         IDENTITY,
    uid        VARTEXT NOT NULL UNIQUE,
    namespace  VARTEXT NOT NULL,
    name       VARTEXT NOT NULL,
    type       VARTEXT NOT NULL,
    properties VARBYTES,
    revision   BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE INDEX contexts_created ON contexts (created_at, uid);
CREATE INDEX contexts_type ON contexts (type, created_at, uid);

CREATE TABLE context_parents (
    context_id BIGINT NOT NULL REFERENCES contexts (id) ON DELETE CASCADE,
    parent_id  BIGINT NOT NULL REFERENCES contexts (id) ON DELETE CASCADE,
    PRIMARY KEY (context_id, parent_id)
) KEYED;
CREATE INDEX context_parents_parent ON context_parents (parent_id, context_id);

CREATE TABLE associations (
    context_id   BIGINT NOT NULL REFERENCES contexts (id) ON DELETE CASCADE,
    execution_id BIGINT NOT NULL REFERENCES executions (id) ON DELETE CASCADE,
    PRIMARY KEY (context_id, execution_id)
) KEYED;
CREATE INDEX associations_execution ON associations (execution_id, context_id);

CREATE TABLE attributions (
    context_id  BIGINT NOT NULL REFERENCES contexts (id) ON DELETE CASCADE,
    artifact_id BIGINT NOT NULL REFERENCES artifacts (id) ON DELETE CASCADE,
    PRIMARY KEY (context_id, artifact_id)
) KEYED;
CREATE INDEX attributions_artifact ON attributions (artifact_id, context_id);

ALTER TABLE artifacts ADD COLUMN properties VARBYTES;
ALTER TABLE executions ADD COLUMN properties VARBYTES;

-- What is still to be told to the receiver of OpenLineage events, in order.
CREATE TABLE told_executions (
    num          IDENTITY,
    execution_id BIGINT NOT NULL REFERENCES executions (id) ON DELETE CASCADE,
    state        VARTEXT NOT NULL
);
