package joined

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"

	doorv1 "github.com/kfmesh/kfmesh/gen/kfmesh/door/v1"
	"github.com/kfmesh/kfmesh/internal/blob"
	blobremote "github.com/kfmesh/kfmesh/internal/blob/remote"
	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/internal/mesh/identity"
	"github.com/kfmesh/kfmesh/internal/store"
	storeremote "github.com/kfmesh/kfmesh/internal/store/remote"
)

// lookEvery is the time between two looks at whether the node still is a member and
// its certificate is to be renewed.
const lookEvery = time.Minute

// Link is the connection to the head.
type Link struct {
	Store   store.Backend
	Blob    *blob.Bucket
	Address string // at which the head calls this node's agent
	Head    grpc.ClientConnInterface

	membership *Membership
	announced  string
	conn       *grpc.ClientConn
}

// Connect connects to the head and says where this node's agent listens: an address
// whose host may be left out or unspecified, and then is the one that the head sees.
// It waits for a head that cannot be reached.
func (m *Membership) Connect(ctx context.Context, agent string) (*Link, error) {
	conn, err := dial(m.Head, credentials.NewTLS(m.credential.ClientTLS(identity.Head)))
	if err != nil {
		return nil, err
	}
	l := &Link{Store: storeremote.New(conn), Head: conn, membership: m, announced: agent, conn: conn}
	err = m.insist(ctx, "connect", l.look)
	if err == nil {
		err = m.insist(ctx, "reach its objects", func(ctx context.Context) (err error) {
			l.Blob, err = blobremote.Open(ctx, conn)
			return err
		})
	}
	if err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return l, nil
}

// Keep keeps the membership until ctx ends: it renews the certificate in time. It
// returns an error when the node is no member any more.
func (l *Link) Keep(ctx context.Context) error {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
		err := bounded(ctx, l.look)
		switch {
		case err == nil || ctx.Err() != nil:
		case fault.Is(err, fault.Denied):
			return err
		default:
			l.membership.log.WarnContext(ctx, "the head does not answer; trying again", slog.String("head", l.membership.Head), slog.Any("error", err))
		}
	}
}

// look says where the agent is, and renews the certificate when that is due.
func (l *Link) look(ctx context.Context) error {
	client := doorv1.NewMembershipServiceClient(l.conn)
	if l.announced != "" {
		heard, err := client.Announce(ctx, &doorv1.AnnounceRequest{Address: l.announced})
		if err != nil {
			return err
		}
		if l.Address == "" {
			l.Address = heard.GetAddress()
		}
	}
	if !identity.Stale(l.membership.credential.Certificate(), time.Now()) {
		return nil
	}
	return l.membership.renew(ctx, client)
}

// renew has the head sign the node's key anew.
func (m *Membership) renew(ctx context.Context, client doorv1.MembershipServiceClient) error {
	request, err := m.keep.Request()
	if err != nil {
		return err
	}
	answer, err := client.Renew(ctx, &doorv1.RenewRequest{SigningRequest: request})
	if err != nil {
		return err
	}
	if err := m.keep.Renewed(m.credential, answer.GetCertificate()); err != nil {
		return err
	}
	m.log.InfoContext(ctx, "the node's certificate was renewed", slog.Time("expires", answer.GetExpireTime().AsTime()))
	return nil
}

// ServerCredentials are those with which the node's agent serves the head, and
// nobody else.
func (m *Membership) ServerCredentials() credentials.TransportCredentials {
	return credentials.NewTLS(m.credential.ServerTLSFor(identity.Head))
}

// Close ends the connection.
func (l *Link) Close() error { return errors.Join(l.Blob.Close(), l.conn.Close()) }
