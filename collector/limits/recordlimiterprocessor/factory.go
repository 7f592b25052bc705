package recordlimiterprocessor

import (
	"context"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/processor"
	"go.opentelemetry.io/collector/processor/processorhelper"
)

// NewFactory makes the factory that the collector's builder looks for.
func NewFactory() processor.Factory {
	return processor.NewFactory(
		component.MustNewType("record_limiter"),
		func() component.Config { return &Config{} },
		processor.WithLogs(create, component.StabilityLevelBeta),
	)
}

func create(
	ctx context.Context, set processor.Settings, cfg component.Config, next consumer.Logs,
) (processor.Logs, error) {
	limiter := &limiter{config: *cfg.(*Config), logger: set.Logger}
	return processorhelper.NewLogs(
		ctx, set, cfg, next, limiter.process, processorhelper.WithCapabilities(consumer.Capabilities{MutatesData: true}),
	)
}
