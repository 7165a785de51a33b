import { registration, runHooks } from './app-registration.ts';
import type {
  CoreInvocationContext,
  InvocationRequest,
  InvocationResponse,
  ProgrammingModel,
  RegisteredFunction,
} from './contract.ts';
import { writeLog } from './host-log.ts';

/**
 * Invokes a function once, with its hooks, as the worker does. Rejects with what the function
 * threw.
 * Source: azure-functions-nodejs-worker, eventHandlers/InvocationHandler.ts.
 */
export async function invoke(
  model: ProgrammingModel,
  { metadata, callback }: RegisteredFunction,
  request: InvocationRequest,
): Promise<InvocationResponse> {
  const coreContext: CoreInvocationContext = {
    invocationId: request.invocationId,
    metadata,
    request,
    state: undefined,
    log: writeLog,
  };
  const invocation = await model.getInvocationModel(coreContext);
  const { context, inputs } = await invocation.getArguments();

  const { appHookData } = registration;
  const shared = { hookData: {}, appHookData, invocationContext: context };
  const before = { ...shared, inputs, functionCallback: callback };
  coreContext.state = 'preInvocationHooks';
  await runHooks('preInvocation', before);

  const after: { result: unknown; error: unknown } = { result: null, error: null };
  coreContext.state = 'invocation';
  try {
    after.result = await invocation.invokeFunction(context, before.inputs, before.functionCallback);
  } catch (error) {
    after.error = error;
  }
  coreContext.state = 'postInvocationHooks';
  const afterContext = Object.assign(after, shared, { inputs: before.inputs });
  await runHooks('postInvocation', afterContext);
  coreContext.state = undefined;

  if (after.error instanceof Error) throw after.error;
  return invocation.getResponse(context, after.result);
}
