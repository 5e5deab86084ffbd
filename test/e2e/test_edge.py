"""The two outside ports: REST, OpenAPI, health, metrics; gRPC with reflection and health."""

import grpc
import pytest
from google.protobuf import descriptor_pool, json_format, message_factory
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase

SERVICES = [
    "kfmesh.pipeline.v1.PipelineService",
    "kfmesh.pipeline.v1.ExperimentService",
    "kfmesh.pipeline.v1.RunService",
    "kfmesh.pipeline.v1.RecurringRunService",
    "kfmesh.metadata.v1.MetadataService",
    "kfmesh.gpuagent.v1.WorkloadService",
    "kfmesh.gpuagent.v1.NodeService",
]


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/apis/v2beta1/healthz"])
def test_health(api, path):
    assert api.request("GET", path).status_code == 200


def test_kfp_health_has_what_the_sdk_reads(api):
    health = api.get("/apis/v2beta1/healthz")
    assert health["multi_user"] is False


def test_openapi(api):
    document = api.get("/openapi.json")
    assert "/apis/v2beta1/runs" in document["paths"]
    assert "/kfmesh/v1/artifacts/{artifact_id}/lineage" in document["paths"]


def test_metrics(api):
    text = api.request("GET", "/metrics").text
    assert "# TYPE" in text
    assert "go_goroutines" in text


def test_the_front_page_is_for_people(api):
    response = api.request("GET", "/")
    assert response.status_code == 200
    assert "text/html" in response.headers["content-type"]


def test_nodes(api):
    (node,) = api.get("/kfmesh/v1/nodes")["nodes"]
    assert node["status"]["ready"]
    assert int(node["status"]["cpu_milli"]) >= 1000
    assert "process" in node["status"]["runtimes"]


@pytest.fixture(scope="module")
def reflected(mesh):
    """A channel, and a pool of descriptors that knows only what the server reflects."""
    with grpc.insecure_channel(mesh.grpc_address) as channel:
        database = ProtoReflectionDescriptorDatabase(channel)
        yield channel, database, descriptor_pool.DescriptorPool(database)


def call(reflected, service: str, method: str, request: dict) -> dict:
    """Call a unary method with nothing but reflection, as grpcurl does."""
    channel, _, pool = reflected
    descriptor = pool.FindServiceByName(service).FindMethodByName(method)
    types = [message_factory.GetMessageClass(d) for d in (descriptor.input_type, descriptor.output_type)]
    stub = channel.unary_unary(
        f"/{service}/{method}",
        request_serializer=types[0].SerializeToString,
        response_deserializer=types[1].FromString,
    )
    answer = stub(json_format.ParseDict(request, types[0]()), timeout=10)
    return json_format.MessageToDict(answer, preserving_proto_field_name=True, descriptor_pool=pool)


def test_reflection_lists_every_service(reflected):
    names = reflected[1].get_services()
    assert set(SERVICES) <= set(names)
    assert "grpc.health.v1.Health" in names


def test_grpc_calls_need_nothing_but_reflection(reflected):
    assert call(reflected, "kfmesh.gpuagent.v1.NodeService", "ListNodes", {})["nodes"]
    call(reflected, "kfmesh.pipeline.v1.RunService", "ListRuns", {"page_size": 1})
    call(reflected, "kfmesh.metadata.v1.MetadataService", "ListArtifacts", {})


def test_grpc_health(reflected):
    assert call(reflected, "grpc.health.v1.Health", "Check", {})["status"] == "SERVING"


def test_grpc_errors_carry_a_code(reflected):
    with pytest.raises(grpc.RpcError) as refused:
        call(reflected, "kfmesh.pipeline.v1.RunService", "GetRun", {"run_id": "nowhere"})
    assert refused.value.code() == grpc.StatusCode.NOT_FOUND
    with pytest.raises(grpc.RpcError) as invalid:
        call(reflected, "kfmesh.pipeline.v1.RunService", "CreateRun", {"run": {"display_name": "x"}})
    assert invalid.value.code() == grpc.StatusCode.INVALID_ARGUMENT
