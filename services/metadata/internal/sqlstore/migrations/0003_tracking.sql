-- What people track of their experiments. Times are milliseconds since 1970, as
-- MLflow has them.
CREATE TABLE tracking_experiments (
    id                BIGINT NOT NULL PRIMARY KEY,
    namespace         VARTEXT NOT NULL,
    name              VARTEXT NOT NULL,
    artifact_location VARTEXT NOT NULL,
    stage             VARTEXT NOT NULL,
    created_at        BIGINT NOT NULL,
    updated_at        BIGINT NOT NULL,
    UNIQUE (namespace, name)
);

-- The experiment that clients log to when they name none.
INSERT INTO tracking_experiments VALUES (0, 'default', 'Default', 'mlflow-artifacts:/0', 'active', NOW_MILLIS, NOW_MILLIS);

CREATE TABLE tracking_experiment_tags (
    experiment_id BIGINT NOT NULL REFERENCES tracking_experiments (id) ON DELETE CASCADE,
    key           VARTEXT NOT NULL,
    value         VARTEXT NOT NULL,
    PRIMARY KEY (experiment_id, key)
) KEYED;

CREATE TABLE tracking_runs (
    num           IDENTITY,
    run_id        VARTEXT NOT NULL UNIQUE,
    experiment_id BIGINT NOT NULL REFERENCES tracking_experiments (id) ON DELETE CASCADE,
    name          VARTEXT NOT NULL,
    user_id       VARTEXT NOT NULL,
    status        VARTEXT NOT NULL,
    stage         VARTEXT NOT NULL,
    artifact_uri  VARTEXT NOT NULL,
    started_at    BIGINT NOT NULL,
    ended_at      BIGINT,
    deleted_at    BIGINT
);
CREATE INDEX tracking_runs_started ON tracking_runs (experiment_id, stage, started_at DESC, run_id);

CREATE TABLE tracking_params (
    run_num BIGINT NOT NULL REFERENCES tracking_runs (num) ON DELETE CASCADE,
    key     VARTEXT NOT NULL,
    value   VARTEXT NOT NULL,
    PRIMARY KEY (run_num, key)
) KEYED;

CREATE TABLE tracking_tags (
    run_num BIGINT NOT NULL REFERENCES tracking_runs (num) ON DELETE CASCADE,
    key     VARTEXT NOT NULL,
    value   VARTEXT NOT NULL,
    PRIMARY KEY (run_num, key)
) KEYED;

-- The latest point of each metric of a run: what searches look at. value is 0
-- where it is not a number. experiment_id is the run's, so that the index has the
-- runs of an experiment in the order of a metric.
CREATE TABLE tracking_latest (
    run_num       BIGINT NOT NULL REFERENCES tracking_runs (num) ON DELETE CASCADE,
    key           VARTEXT NOT NULL,
    value         DOUBLE PRECISION NOT NULL,
    is_nan        BOOLEAN NOT NULL,
    step          BIGINT NOT NULL,
    at            BIGINT NOT NULL,
    experiment_id BIGINT NOT NULL,
    PRIMARY KEY (run_num, key)
) KEYED;
CREATE INDEX tracking_latest_value ON tracking_latest (experiment_id, key, is_nan, value, run_num);

-- A series is the points of one metric of a run, measured on one model and
-- dataset; '' where there is none. Where there is a model, its latest point is
-- kept here too.
CREATE TABLE tracking_series (
    num            IDENTITY,
    run_num        BIGINT NOT NULL REFERENCES tracking_runs (num) ON DELETE CASCADE,
    key            VARTEXT NOT NULL,
    model_id       VARTEXT NOT NULL,
    dataset_name   VARTEXT NOT NULL,
    dataset_digest VARTEXT NOT NULL,
    value          DOUBLE PRECISION NOT NULL,
    is_nan         BOOLEAN NOT NULL,
    step           BIGINT NOT NULL,
    at             BIGINT NOT NULL,
    UNIQUE (run_num, key, model_id, dataset_name, dataset_digest)
);
CREATE INDEX tracking_series_model ON tracking_series (model_id, key, value) WHERE model_id <> '';

-- bits are those of the value as IEEE 754, so that any value, NaN included, is a
-- key and comes back as it was; of a negative value those below the sign are
-- inverted, so that they sort as values do.
CREATE TABLE tracking_points (
    series_num BIGINT NOT NULL REFERENCES tracking_series (num) ON DELETE CASCADE,
    step       BIGINT NOT NULL,
    at         BIGINT NOT NULL,
    bits       BIGINT NOT NULL,
    PRIMARY KEY (series_num, step, at, bits)
) KEYED;

CREATE TABLE tracking_datasets (
    num           IDENTITY,
    experiment_id BIGINT NOT NULL REFERENCES tracking_experiments (id) ON DELETE CASCADE,
    name          VARTEXT NOT NULL,
    digest        VARTEXT NOT NULL,
    source_type   VARTEXT NOT NULL,
    source        VARTEXT NOT NULL,
    schema        VARTEXT NOT NULL,
    profile       VARTEXT NOT NULL,
    UNIQUE (experiment_id, name, digest)
);

CREATE TABLE tracking_inputs (
    run_num     BIGINT NOT NULL REFERENCES tracking_runs (num) ON DELETE CASCADE,
    dataset_num BIGINT NOT NULL REFERENCES tracking_datasets (num) ON DELETE CASCADE,
    PRIMARY KEY (run_num, dataset_num)
) KEYED;
CREATE INDEX tracking_inputs_dataset ON tracking_inputs (dataset_num, run_num);

CREATE TABLE tracking_input_tags (
    run_num     BIGINT NOT NULL,
    dataset_num BIGINT NOT NULL,
    key         VARTEXT NOT NULL,
    value       VARTEXT NOT NULL,
    PRIMARY KEY (run_num, dataset_num, key),
    FOREIGN KEY (run_num, dataset_num) REFERENCES tracking_inputs (run_num, dataset_num) ON DELETE CASCADE
) KEYED;

CREATE TABLE tracking_models (
    num            IDENTITY,
    model_id       VARTEXT NOT NULL UNIQUE,
    experiment_id  BIGINT NOT NULL REFERENCES tracking_experiments (id) ON DELETE CASCADE,
    name           VARTEXT NOT NULL,
    model_type     VARTEXT NOT NULL,
    source_run_id  VARTEXT NOT NULL,
    status         VARTEXT NOT NULL,
    status_message VARTEXT NOT NULL,
    stage          VARTEXT NOT NULL,
    artifact_uri   VARTEXT NOT NULL,
    created_at     BIGINT NOT NULL,
    updated_at     BIGINT NOT NULL
);
CREATE INDEX tracking_models_created ON tracking_models (experiment_id, stage, created_at, model_id);
CREATE INDEX tracking_models_run ON tracking_models (source_run_id) WHERE source_run_id <> '';

CREATE TABLE tracking_model_params (
    model_num BIGINT NOT NULL REFERENCES tracking_models (num) ON DELETE CASCADE,
    key       VARTEXT NOT NULL,
    value     VARTEXT NOT NULL,
    PRIMARY KEY (model_num, key)
) KEYED;

CREATE TABLE tracking_model_tags (
    model_num BIGINT NOT NULL REFERENCES tracking_models (num) ON DELETE CASCADE,
    key       VARTEXT NOT NULL,
    value     VARTEXT NOT NULL,
    PRIMARY KEY (model_num, key)
) KEYED;

-- Which runs read a model (direction 1) or made it (2).
CREATE TABLE tracking_model_links (
    run_num   BIGINT NOT NULL REFERENCES tracking_runs (num) ON DELETE CASCADE,
    direction INTEGER NOT NULL,
    model_id  VARTEXT NOT NULL,
    step      BIGINT NOT NULL,
    PRIMARY KEY (run_num, direction, model_id)
) KEYED;
CREATE INDEX tracking_model_links_model ON tracking_model_links (model_id, direction, run_num);
