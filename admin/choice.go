package admin

import (
	"context"
	"errors"
	"net/http"

	"github.com/perdure/perdure/metadata/schema"
	"github.com/perdure/perdure/protocol"
	"github.com/perdure/perdure/protocol/command"
)

// stableProtocolVersion is what a call speaks that is pinned to a deployment without having run.
const stableProtocolVersion = 6

// deploymentChoice says on which deployment an invocation goes on. The zero value is no choice.
type deploymentChoice struct {
	kind choiceKind
	id   protocol.DeploymentID // chooseID
}

type choiceKind uint8

const (
	chooseKeep   choiceKind = 1
	chooseLatest choiceKind = 2
	chooseID     choiceKind = 3
)

var (
	keepDeployment   = deploymentChoice{kind: chooseKeep}
	latestDeployment = deploymentChoice{kind: chooseLatest}
)

// errBadChoice is the reason given for a choice of deployment that cannot be read.
var errBadChoice = errors.New("bad format")

// parseChoice reads "keep", "latest" or a deployment ID.
func parseChoice(text string) (deploymentChoice, error) {
	switch text {
	case "keep", "Keep":
		return keepDeployment, nil
	case "latest", "Latest":
		return latestDeployment, nil
	}
	id, err := protocol.ParseDeploymentID(text)
	if err != nil {
		return deploymentChoice{}, errBadChoice
	}
	return deploymentChoice{chooseID, id}, nil
}

func (h *Handler) resume(
	ctx context.Context, id protocol.InvocationID, o options,
) (command.Command, error) {
	cmd := &command.Resume{ID: id}
	if o.deployment == keepDeployment {
		return cmd, nil
	}
	p, err := h.pinned(ctx, id)
	if err != nil {
		return nil, err
	}
	if o.deployment.kind == chooseID && p.deployment.IsZero() {
		// Whoever asks for a certain deployment wants to replace one that was chosen already.
		return nil, failed(http.StatusConflict, cannotMove, id)
	}
	cmd.Deployment, cmd.ProtocolVersion, err = h.choose(p, o.deployment)
	return cmd, err
}

func (h *Handler) restart(
	ctx context.Context, id protocol.InvocationID, o options,
) (command.Command, error) {
	cmd := &command.Restart{
		ID: id, NewID: protocol.InvocationID{Key: id.Key, UUID: h.newULID()}, From: o.from,
		RandomSeed: h.newSeed(),
	}
	if o.from == 0 && o.deployment == latestDeployment {
		// Only the input is kept, so that the first attempt chooses, like that of a new call.
		return cmd, nil
	}
	p, err := h.pinned(ctx, id)
	if err != nil {
		return nil, err
	}
	if o.deployment == keepDeployment {
		cmd.Deployment, cmd.ProtocolVersion = p.deployment, p.version
		return cmd, nil
	}
	if o.from == 0 {
		p.version = 0 // no entry is kept that was written in an old version
	}
	cmd.Deployment, cmd.ProtocolVersion, err = h.choose(p, o.deployment)
	return cmd, err
}

// pinned is what an invocation calls and where it has to run.
type pinned struct {
	target     protocol.Target
	deployment protocol.DeploymentID
	version    uint32 // of the service protocol; 0: not chosen yet
}

func (h *Handler) pinned(ctx context.Context, id protocol.InvocationID) (p pinned, err error) {
	var ok bool
	p.target, p.deployment, p.version, ok, err = h.partitions.Pinned(ctx, id)
	if err == nil && !ok {
		err = (&operation{}).refusal(id, command.Reply{Status: command.ReplyNotFound})
	}
	return p, err
}

// choose finds the deployment and checks that it can go on with the invocation: it must offer the
// handler and speak the protocol version in which the journal was written.
func (h *Handler) choose(p pinned, c deploymentChoice) (protocol.DeploymentID, uint32, error) {
	var r *schema.Resolved
	var err error
	s := h.registry.Current()
	if c.kind == chooseLatest {
		r, err = s.Resolve(p.target.Service, p.target.Handler)
	} else {
		r, err = s.ResolveAt(c.id, p.target.Service, p.target.Handler)
	}
	var gone *schema.DeploymentNotFoundError
	if errors.As(err, &gone) {
		return protocol.DeploymentID{}, 0, failed(http.StatusBadRequest,
			"The given deployment was not found: %s is not registered", gone.ID)
	}
	if err != nil {
		return protocol.DeploymentID{}, 0, failed(http.StatusBadRequest,
			"The deployment cannot take the invocation: %v", err)
	}
	d, version := r.Deployment, p.version
	if version == 0 {
		version = min(max(d.MinProtocolVersion, stableProtocolVersion), d.MaxProtocolVersion)
	}
	if version < d.MinProtocolVersion || version > d.MaxProtocolVersion {
		return protocol.DeploymentID{}, 0, failed(http.StatusBadRequest,
			"The deployment %s cannot take the invocation: its journal is in service protocol version "+
				"%d, the deployment speaks [%d, %d]",
			d.ID, version, d.MinProtocolVersion, d.MaxProtocolVersion)
	}
	return d.ID, version, nil
}
