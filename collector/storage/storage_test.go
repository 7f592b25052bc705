package storage

import (
	"bytes"
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"go.etcd.io/bbolt"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/confmap"
	"google.golang.org/protobuf/encoding/protowire"
)

func TestTheSettingsAreThoseOfFileStorageAndTheReserve(t *testing.T) {
	config := NewFactory().CreateDefaultConfig().(*Config)
	given := confmap.NewFromStringMap(map[string]any{
		"directory": t.TempDir(), "fsync": true, "compaction": map[string]any{"on_rebound": true, "directory": t.TempDir()}, "reserve_mib": 3,
	})
	must(t, given.Unmarshal(config))
	must(t, config.Validate())
	if !config.FSync || !config.Compaction.OnRebound || config.ReserveMiB != 3 || config.Compaction.CheckInterval == 0 {
		t.Errorf("%+v", config)
	}
	if err := confmap.NewFromStringMap(map[string]any{"reserve": 3}).Unmarshal(config); err == nil || !strings.Contains(err.Error(), "reserve") {
		t.Errorf("an unknown setting: %v", err)
	}
	config.ReserveMiB = -1
	if err := config.Validate(); err == nil || err.Error() != "reserve_mib must not be below 0" {
		t.Errorf("a reserve below 0: %v", err)
	}
}

func fixed(number protowire.Number, value uint64) []byte {
	return protowire.AppendFixed64(protowire.AppendTag(nil, number, protowire.Fixed64Type), value)
}

func packed(number protowire.Number, values ...uint64) []byte {
	var content []byte
	for _, value := range values {
		content = protowire.AppendFixed64(content, value)
	}
	return protowire.AppendBytes(protowire.AppendTag(nil, number, protowire.BytesType), content)
}

func TestWhatWasTakenIsPutBack(t *testing.T) {
	sizes, other := append(fixed(1, 500), fixed(2, 9000)...), packed(99, 1, 2)
	for name, one := range map[string]struct{ stored, want []byte }{
		"nothing":     {},
		"nobody took": {slices.Concat(sizes, fixed(3, 7), fixed(4, 9)), nil},
		"some":        {slices.Concat(sizes, fixed(3, 7), fixed(4, 9), packed(5, 6, 2, 4), other), slices.Concat(sizes, fixed(4, 9), other, fixed(3, 2))},
		"not packed":  {slices.Concat(fixed(5, 6), fixed(5, 3), fixed(3, 7), fixed(4, 7)), slices.Concat(fixed(4, 7), fixed(3, 3))},
		"the first":   {slices.Concat(fixed(3, 1), fixed(4, 1), packed(5, 0)), slices.Concat(fixed(4, 1), fixed(3, 0))},
	} {
		if changed, _, err := resumeAt(one.stored); err != nil || !bytes.Equal(changed, one.want) {
			t.Errorf("%s: %x, %v", name, changed, err)
		}
	}
	if _, _, err := resumeAt([]byte("not a message")); !errors.Is(err, errMetadata) {
		t.Errorf("not a message: %v", err)
	}
	_, left, err := resumeAt(slices.Concat(fixed(3, 7), fixed(4, 9), packed(5, 6, 2, 4)))
	must(t, err)
	for key, missing := range map[string]bool{"1": true, "2": false, "3": true, "4": false, "5": true, "6": false, "7": false, "8": false, metadataKey: false} {
		if left.isMissing(key) != missing {
			t.Errorf("%s is missing: %t", key, !missing)
		}
	}
}

func sizeOf(t *testing.T, path string) int64 {
	t.Helper()
	info, err := os.Stat(path)
	must(t, err)
	return info.Size()
}

func TestTheReserveIsThereUnlessItIsLent(t *testing.T) {
	r := &reserve{path: filepath.Join(t.TempDir(), "reserve"), want: oneMiB}
	for _, want := range []int64{oneMiB, 2 * oneMiB, oneMiB / 2} {
		r.want = want
		must(t, r.fill())
		if size := sizeOf(t, r.path); size != want {
			t.Errorf("%d bytes of %d", size, want)
		}
		var during int64 = -1
		r.lend(func() { during = sizeOf(t, r.path) })
		if size := sizeOf(t, r.path); during != 0 || size != want {
			t.Errorf("%d bytes while it was lent, %d afterwards", during, size)
		}
	}
	none := &reserve{path: filepath.Join(t.TempDir(), "reserve")}
	must(t, none.fill())
	none.lend(func() { t.Error("nothing was lent") })
}

// queueFile is a file with some items, as a kill leaves it.
func queueFile(t *testing.T, items int) []byte {
	t.Helper()
	folder, ids := t.TempDir(), numbered("a", items)
	p := start(t, folder, nil, ids...)
	p.send(t, 700, ids...)
	p.waitForBoth()
	content, err := os.ReadFile(filepath.Join(folder, "exporter_test__logs"))
	must(t, err)
	close(p.let)
	p.end(t)
	return content
}

// damaged is a file with one fault of a kind that disks and interrupted copies leave.
func damaged(chance *rand.Rand, content []byte) []byte {
	page := os.Getpagesize()
	broken, at := slices.Clone(content), chance.IntN(len(content)/page)*page
	switch chance.IntN(5) {
	case 0:
		return broken[:chance.IntN(len(broken))]
	case 1:
		clear(broken[at : at+page])
	case 2:
		copy(broken[at:], broken[chance.IntN(len(content)/page)*page:][:page])
	case 3:
		for range 1 + chance.IntN(50) {
			broken[at+chance.IntN(page)] = byte(chance.UintN(256))
		}
	case 4:
		for index := range broken[at:] {
			broken[at+index] = 0xff
		}
	}
	return broken
}

// TestWhatPassesTheCheckCanBeUsed damages a file in many ways: whatever is not set aside must be read to its end by this
// process, and whatever is set aside is kept byte for byte.
func TestWhatPassesTheCheckCanBeUsed(t *testing.T) {
	content := queueFile(t, 60)
	chance := rand.New(rand.NewPCG(1, 2))
	aside := 0
	for range 150 {
		folder := t.TempDir()
		broken := damaged(chance, content)
		file := filepath.Join(folder, "exporter_test__logs")
		must(t, os.WriteFile(file, broken, 0o600))
		made := newStorage(t, folder, func(config *Config) { config.ReserveMiB = 0 })
		must(t, made.Start(t.Context(), componenttest.NewNopHost()))
		if found, _ := filepath.Glob(file + ".*.damaged"); len(found) > 0 {
			kept, err := os.ReadFile(found[0])
			must(t, err)
			if !bytes.Equal(kept, broken) {
				t.Error("what was set aside has changed")
			}
			aside++
		}
		client, err := made.GetClient(t.Context(), component.KindExporter, component.MustNewID("test"), "logs")
		must(t, err)
		for item := range 61 {
			_, err := client.Get(t.Context(), strconv.Itoa(item))
			must(t, err)
			must(t, client.Delete(t.Context(), strconv.Itoa(item)))
		}
		must(t, client.Close(t.Context()))
	}
	if aside < 50 || aside == 150 {
		t.Errorf("%d of 150 were set aside", aside)
	}
}

func TestASoundQueueStaysAndOthersAreNotTouched(t *testing.T) {
	folder := t.TempDir()
	for name, content := range map[string][]byte{
		"exporter_test__logs": queueFile(t, 20), "exporter_new__logs": {}, "reserve": []byte("x"), "receiver_x": []byte("x"),
		"exporter_a__logs.20260101T000000000000.damaged": []byte("x"), "exporter_a__logs.20260101T000000.000Z.backup": []byte("x"),
	} {
		must(t, os.WriteFile(filepath.Join(folder, name), content, 0o600))
	}
	must(t, newStorage(t, folder, nil).Start(t.Context(), componenttest.NewNopHost()))
	if found, _ := filepath.Glob(filepath.Join(folder, "*")); len(found) != 6 {
		t.Errorf("%v", found)
	}
}

func TestAMetadataThatCanNotBeReadIsDamage(t *testing.T) {
	folder := t.TempDir()
	file := filepath.Join(folder, "exporter_test__logs")
	db, err := bbolt.Open(file, 0o600, nil)
	must(t, err)
	must(t, db.Update(func(tx *bbolt.Tx) error {
		bucket, err := tx.CreateBucket([]byte("default"))
		must(t, err)
		return bucket.Put([]byte(metadataKey), []byte("not a message"))
	}))
	must(t, db.Close())
	unchecked := newStorage(t, folder, func(config *Config) { config.Recreate = false })
	must(t, unchecked.Start(t.Context(), componenttest.NewNopHost()))
	if _, err := unchecked.GetClient(t.Context(), component.KindExporter, component.MustNewID("test"), "logs"); !errors.Is(err, errMetadata) {
		t.Errorf("unchecked: %v", err)
	}
	must(t, newStorage(t, folder, nil).Start(t.Context(), componenttest.NewNopHost()))
	if found, _ := filepath.Glob(file + ".*.damaged"); len(found) != 1 {
		t.Errorf("%v", found)
	}
}

func TestAQueueInUseIsNotSetAside(t *testing.T) {
	folder := t.TempDir()
	p := start(t, folder, nil)
	err := newStorage(t, folder, nil).Start(t.Context(), componenttest.NewNopHost())
	if err == nil || !strings.Contains(err.Error(), "exporter_test__logs") || !strings.Contains(err.Error(), "timeout") {
		t.Errorf("%v", err)
	}
	p.end(t)
}

func TestAFolderThatIsNotThereIsNamed(t *testing.T) {
	missing := newStorage(t, t.TempDir(), nil)
	missing.config.Directory = filepath.Join(t.TempDir(), "gone")
	if err := missing.Start(context.Background(), componenttest.NewNopHost()); !errors.Is(err, syscall.ENOENT) {
		t.Errorf("%v", err)
	}
}
