"""Plain requests to an MLflow server."""

import requests

API = "/api/2.0/mlflow"
ARTIFACTS = "/api/2.0/mlflow-artifacts/artifacts"


class Rest:
    """Requests of one server."""

    def __init__(self, url: str, **headers: str):
        """Nothing is asked for yet."""
        self.url = url
        self.session = requests.Session()
        self.session.headers.update({name.replace("_", "-"): value for name, value in headers.items()})

    def send(self, method: str, path: str, **arguments) -> requests.Response:
        """Send a request to any path and return the answer, whatever it is."""
        return self.session.request(method, self.url + path, timeout=60, **arguments)

    def post(self, what: str, body: dict) -> dict:
        """POST to an endpoint of the tracking API that must answer 200 with an object."""
        return good(self.send("POST", f"{API}/{what}", json=body))

    def get(self, what: str, **parameters) -> dict:
        """GET from an endpoint of the tracking API that must answer 200 with an object."""
        return good(self.send("GET", f"{API}/{what}", params=parameters))

    def refused(self, status: int, code: str, what: str, body, *parts: str) -> str:
        """POST what must be refused, and return the message, which must have those parts."""
        return refusal(self.send("POST", f"{API}/{what}", json=body), status, code, *parts)


def good(response: requests.Response) -> dict:
    """The object that a request was answered with."""
    assert response.status_code == requests.codes.ok, f"{response.status_code} {response.text}"
    body = response.json()
    assert isinstance(body, dict)
    return body


def refusal(response: requests.Response, status: int, code: str, *parts: str) -> str:
    """The message of an error, which must be in MLflow's form."""
    assert response.status_code == status, f"{response.status_code} {response.text}"
    body = response.json()
    assert body["error_code"] == code, body
    for part in parts:
        assert part in body["message"], f"{part!r} is not in {body['message']!r}"
    return body["message"]
