"""A client that speaks the proposal's protocol with the stubs that protoc makes from the reference proto.

It knows nothing of this project: no field, method or error detail that is not in reference/mcp2.proto. Each call prints
one line of JSON:

    {"code": "OK", "details": "", "status_details": "", "response": {...}}

`code` is the status code's name, `details` its message, `status_details` the trailer grpc-status-details-bin in base64
(empty when there is none), `response` the answer, null when the call was refused. A refused call is an answer too: the
exit code is 0. It is 2 for a wrong command line and 1 for anything unforeseen.

The token is read from the environment variable MCP2_TOKEN, so that no list of processes and no error message shows it.
"""

import argparse
import base64
import json
import os
import sys

import grpc

import mcp2_pb2 as pb2
import mcp2_pb2_grpc as pb2_grpc

TIMEOUT_SECONDS = 10


def main() -> None:
    arguments = parse_arguments()
    token = os.environ.get("MCP2_TOKEN", "")
    with open_channel(arguments) as channel:
        print(json.dumps(arguments.call(channel, token, arguments)))


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Calls an MCP 2.0 server as the proposal's client would.")
    parser.add_argument("--address", required=True, help="host:port")
    parser.add_argument("--ca", help="file with the certificates to trust; plain text without it")
    parser.add_argument("--tls-server-name", help="name to expect in the certificate; default: the host")
    commands = parser.add_subparsers(required=True)

    command = commands.add_parser("register", help="Discovery.Register")
    command.add_argument("--server-name", required=True)
    command.add_argument("--capability", action="append", default=[], help="repeat for several")
    command.add_argument("--grpc-url", help="sent as metadata grpc-url, as the proposal does")
    command.add_argument("--token-in", choices=["field", "metadata"], default="field")
    command.set_defaults(call=register)

    command = commands.add_parser("lookup", help="Discovery.Lookup")
    command.add_argument("--capability", action="append", default=[], help="repeat for several")
    command.set_defaults(call=lookup)

    command = commands.add_parser("context", help="ContextTool.RequestContext")
    command.add_argument("--key", required=True)
    command.add_argument("--parameter", action="append", default=[], metavar="NAME=VALUE", help="repeat for several")
    command.set_defaults(call=request_context)

    command = commands.add_parser("tool", help="ContextTool.InvokeTool")
    command.add_argument("--name", required=True)
    command.add_argument("--argument", action="append", default=[], metavar="NAME=VALUE", help="repeat for several")
    command.set_defaults(call=invoke_tool)

    command = commands.add_parser("publish", help="EventBus.Publish")
    command.add_argument("--topic", required=True)
    command.add_argument("--payload", required=True, help="text")
    command.set_defaults(call=publish)

    command = commands.add_parser("subscribe", help="EventBus.Subscribe, until that many events have come")
    command.add_argument("--topic-filter", required=True)
    command.add_argument("--count", type=int, required=True)
    command.set_defaults(call=subscribe)
    return parser.parse_args()


def open_channel(arguments: argparse.Namespace) -> grpc.Channel:
    if arguments.ca is None:
        return grpc.insecure_channel(arguments.address)
    with open(arguments.ca, "rb") as file:
        credentials = grpc.ssl_channel_credentials(root_certificates=file.read())
    name = arguments.tls_server_name
    options = [] if name is None else [("grpc.ssl_target_name_override", name)]
    return grpc.secure_channel(arguments.address, credentials, options)


def register(channel: grpc.Channel, token: str, arguments: argparse.Namespace) -> dict:
    request = pb2.RegisterRequest(server_name=arguments.server_name, capabilities=arguments.capability)
    metadata = []
    if arguments.grpc_url is not None:
        metadata.append(("grpc-url", arguments.grpc_url))
    if arguments.token_in == "field":
        request.registration_token = token
    else:
        metadata.append(("registration_token", token))
    return outcome(
        pb2_grpc.DiscoveryStub(channel).Register,
        request,
        metadata,
        lambda response: {"success": response.success, "message": response.message},
    )


def lookup(channel: grpc.Channel, token: str, arguments: argparse.Namespace) -> dict:
    request = pb2.LookupRequest(requester_token=token, capability_filter=arguments.capability)
    return outcome(
        pb2_grpc.DiscoveryStub(channel).Lookup,
        request,
        [],
        lambda response: {
            "endpoints": [
                {
                    "server_name": endpoint.server_name,
                    "grpc_url": endpoint.grpc_url,
                    "capabilities": list(endpoint.capabilities),
                }
                for endpoint in response.endpoints
            ]
        },
    )


def request_context(channel: grpc.Channel, token: str, arguments: argparse.Namespace) -> dict:
    parameters = dict(parameter.split("=", 1) for parameter in arguments.parameter)
    request = pb2.ContextRequest(context_key=arguments.key, parameters=parameters, capability_token=token)
    return outcome(
        pb2_grpc.ContextToolStub(channel).RequestContext,
        request,
        [],
        lambda response: {
            "serialized_value": base64.b64encode(response.serialized_value).decode(),
            "metadata": list(response.metadata),
        },
    )


def invoke_tool(channel: grpc.Channel, token: str, arguments: argparse.Namespace) -> dict:
    values = dict(argument.split("=", 1) for argument in arguments.argument)
    request = pb2.ToolRequest(tool_name=arguments.name, arguments=values, capability_token=token)
    return outcome(
        pb2_grpc.ContextToolStub(channel).InvokeTool,
        request,
        [],
        lambda response: {
            "success": response.success,
            "outputs": {name: base64.b64encode(value).decode() for name, value in response.outputs.items()},
            "warnings": list(response.warnings),
        },
    )


def publish(channel: grpc.Channel, token: str, arguments: argparse.Namespace) -> dict:
    request = pb2.EventPublishRequest(
        topic=arguments.topic, payload=arguments.payload.encode(), publisher_token=token
    )
    return outcome(
        pb2_grpc.EventBusStub(channel).Publish,
        request,
        [],
        lambda response: {"success": response.success, "message": response.message},
    )


def subscribe(channel: grpc.Channel, token: str, arguments: argparse.Namespace) -> dict:
    request = pb2.EventSubscribeRequest(topic_filter=arguments.topic_filter, subscriber_token=token)

    def first(request, **settings):
        stream = pb2_grpc.EventBusStub(channel).Subscribe(request, **settings)
        envelopes = [envelope for _, envelope in zip(range(arguments.count), stream)]
        stream.cancel()
        return envelopes

    return outcome(
        first,
        request,
        [],
        lambda envelopes: {
            "events": [
                {
                    "topic": envelope.topic,
                    "payload": base64.b64encode(envelope.payload).decode(),
                    "sequence_id": envelope.sequence_id,
                }
                for envelope in envelopes
            ]
        },
    )


def outcome(method, request, metadata, describe) -> dict:
    try:
        response = method(request, metadata=metadata, timeout=TIMEOUT_SECONDS)
    except grpc.RpcError as error:
        return {
            "code": error.code().name,
            "details": error.details() or "",
            "status_details": status_details(error.trailing_metadata()),
            "response": None,
        }
    return {"code": "OK", "details": "", "status_details": "", "response": describe(response)}


def status_details(trailers) -> str:
    for key, value in trailers or ():
        if key == "grpc-status-details-bin":
            return base64.b64encode(value).decode()
    return ""


if __name__ == "__main__":
    sys.exit(main())
