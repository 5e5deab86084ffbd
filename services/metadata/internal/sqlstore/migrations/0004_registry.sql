-- Models that were chosen to be used. Times are milliseconds since 1970.
--
-- last_number is the highest number that a version of the model ever had: no
-- number is given twice. card is a message of the API.
CREATE TABLE registry_models (
    id          IDENTITY,
    namespace   VARTEXT NOT NULL,
    name        VARTEXT NOT NULL,
    description VARTEXT NOT NULL,
    owner       VARTEXT NOT NULL,
    external_id VARTEXT NOT NULL,
    state       VARTEXT NOT NULL,
    card        VARBYTES,
    last_number BIGINT NOT NULL,
    created_at  BIGINT NOT NULL,
    updated_at  BIGINT NOT NULL,
    UNIQUE (namespace, name)
);
CREATE UNIQUE INDEX registry_models_external ON registry_models (namespace, external_id) WHERE external_id <> '';

-- MLflow's tags and Kubeflow's custom properties: type says which kind of value
-- the text is.
CREATE TABLE registry_model_properties (
    model_id BIGINT NOT NULL REFERENCES registry_models (id) ON DELETE CASCADE,
    key      VARTEXT NOT NULL,
    type     VARTEXT NOT NULL,
    value    VARTEXT NOT NULL,
    PRIMARY KEY (model_id, key)
) KEYED;

CREATE TABLE registry_versions (
    id                  IDENTITY,
    model_id            BIGINT NOT NULL REFERENCES registry_models (id) ON DELETE CASCADE,
    namespace           VARTEXT NOT NULL,
    number              BIGINT NOT NULL,
    name                VARTEXT NOT NULL,
    description         VARTEXT NOT NULL,
    author              VARTEXT NOT NULL,
    external_id         VARTEXT NOT NULL,
    state               VARTEXT NOT NULL,
    stage               VARTEXT NOT NULL,
    source              VARTEXT NOT NULL,
    artifact_uri        VARTEXT NOT NULL,
    run_id              VARTEXT NOT NULL,
    run_link            VARTEXT NOT NULL,
    logged_model_id     VARTEXT NOT NULL,
    lineage_artifact_id BIGINT NOT NULL,
    created_at          BIGINT NOT NULL,
    updated_at          BIGINT NOT NULL,
    UNIQUE (model_id, number),
    UNIQUE (model_id, name)
);
CREATE UNIQUE INDEX registry_versions_external ON registry_versions (namespace, external_id) WHERE external_id <> '';
CREATE INDEX registry_versions_updated ON registry_versions (namespace, updated_at);
CREATE INDEX registry_versions_run ON registry_versions (run_id) WHERE run_id <> '';
CREATE INDEX registry_versions_logged ON registry_versions (logged_model_id) WHERE logged_model_id <> '';

CREATE TABLE registry_version_properties (
    version_id BIGINT NOT NULL REFERENCES registry_versions (id) ON DELETE CASCADE,
    key        VARTEXT NOT NULL,
    type       VARTEXT NOT NULL,
    value      VARTEXT NOT NULL,
    PRIMARY KEY (version_id, key)
) KEYED;

CREATE TABLE registry_aliases (
    model_id   BIGINT NOT NULL REFERENCES registry_models (id) ON DELETE CASCADE,
    alias      VARTEXT NOT NULL,
    version_id BIGINT NOT NULL REFERENCES registry_versions (id) ON DELETE CASCADE,
    PRIMARY KEY (model_id, alias)
) KEYED;
CREATE INDEX registry_aliases_version ON registry_aliases (version_id);

-- What hangs on models and versions: artifacts, serving environments, inference
-- services, serve models. scope is the place in which the name is unique, and
-- empty where it need not be; body is a message of the API.
CREATE TABLE registry_items (
    id          IDENTITY,
    namespace   VARTEXT NOT NULL,
    kind        INTEGER NOT NULL,
    scope       VARTEXT NOT NULL,
    name        VARTEXT NOT NULL,
    external_id VARTEXT NOT NULL,
    state       VARTEXT NOT NULL,
    parent_id   BIGINT REFERENCES registry_items (id) ON DELETE CASCADE,
    model_id    BIGINT REFERENCES registry_models (id) ON DELETE CASCADE,
    version_id  BIGINT REFERENCES registry_versions (id) ON DELETE CASCADE,
    body        VARBYTES,
    created_at  BIGINT NOT NULL,
    updated_at  BIGINT NOT NULL
);
CREATE UNIQUE INDEX registry_items_name ON registry_items (namespace, kind, scope, name) WHERE scope <> '';
CREATE UNIQUE INDEX registry_items_external ON registry_items (namespace, kind, external_id) WHERE external_id <> '';
CREATE INDEX registry_items_parent ON registry_items (parent_id);
CREATE INDEX registry_items_model ON registry_items (model_id);
CREATE INDEX registry_items_version ON registry_items (version_id, kind);
